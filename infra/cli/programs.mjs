// The programs of this repository: each becomes one file of the same path below dist/.
export const programs = [
  'functions/platform/standalone.ts',
  'infra/cli/main.ts',
  'infra/sandbox/cluster/images/command-main.ts',
  'infra/sandbox/cluster/images/nginx-main.ts',
  'infra/sandbox/cluster/images/tcp-echo-main.ts',
  'infra/sandbox/cluster/kubelet/guard-main.ts',
  'infra/sandbox/load/client-main.ts',
];
