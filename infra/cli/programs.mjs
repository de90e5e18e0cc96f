// The programs of this repository: each becomes one file of the same path below dist/.
export const programs = [
  'functions/forwarder/main.ts',
  'functions/platform/standalone.ts',
  'functions/platform/worker.ts',
  'infra/cli/main.ts',
  'infra/sandbox/cluster/images/command-main.ts',
  'infra/sandbox/cluster/images/nginx-main.ts',
  'infra/sandbox/cluster/images/tcp-echo-main.ts',
  'infra/sandbox/cluster/images/udp-echo-main.ts',
  'infra/sandbox/guard-main.ts',
  'infra/sandbox/functions/lambda-bootstrap-main.ts',
  'infra/sandbox/functions/scf-bootstrap-main.ts',
  'infra/sandbox/load/client-main.ts',
  'test/bench/main.ts',
  'test/witness/main.ts',
  'test/witness/node/main.ts',
];

// What is uploaded to a platform for functions: one file each, CommonJS, because that is what every runtime of both
// platforms loads under any name.
export const functionBundles = ['functions/readiness/function.ts', 'functions/reconcile/function.ts'];
