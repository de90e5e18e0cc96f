/** Imports point one way (the picture of the data path); see docs/architecture.md. */
const only = (name, from, allowed, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from, pathNot: '\\.test\\.ts$' },
  to: { path: '^(functions|shared|infra|test)/', pathNot: allowed },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'A cycle hides a missing seam.',
      from: {},
      to: { circular: true },
    },
    only('model-is-pure', '^shared/model/', '^shared/model/', 'The model imports nothing outside itself.'),
    {
      name: 'model-has-no-library',
      severity: 'error',
      comment: 'No SDK, no clock, no logger in the model.',
      from: { path: '^shared/model/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'core'] },
    },
    only('events-on-model', '^shared/events/', '^shared/(events|model)/', 'events stands on model.'),
    only('process-on-model', '^shared/process/', '^shared/(process|model)/', 'process stands on model.'),
    only(
      'kubernetes-alone',
      '^shared/kubernetes/',
      '^shared/(kubernetes|events|process|model)/',
      'clb, kubernetes and queue never import each other.',
    ),
    only(
      'clb-alone',
      '^shared/clb/',
      '^shared/(clb|events|process|model)/',
      'clb, kubernetes and queue never import each other.',
    ),
    only(
      'queue-alone',
      '^shared/queue/',
      '^shared/(queue|events|process|model)/',
      'clb, kubernetes and queue never import each other.',
    ),
    only(
      'functions-on-shared',
      '^functions/',
      '^(functions|shared)/',
      'Nothing that is deployed imports infra or test.',
    ),
    only(
      'sandbox-is-a-witness',
      '^infra/sandbox/',
      '^infra/sandbox/',
      'A witness must not share our tables: the sandbox imports nothing of shared/ or functions/.',
    ),
    only(
      'bench-is-a-witness',
      '^test/bench/',
      '^(test/bench|infra/sandbox)/|^test/support/haproxy\\.ts$',
      'What the figures are held against must not come from our tables.',
    ),
    only(
      'foreign-clients-are-witnesses',
      '^test/witness/',
      '^(test/witness|infra/sandbox)/',
      'What the SDKs are led through must not come from our tables.',
    ),
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: '(\\.test\\.ts|\\.d\\.ts|^test/|^infra/cli/|\\.config\\.ts|^infra/sandbox/.*main\\.ts$)',
      },
      to: {},
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
