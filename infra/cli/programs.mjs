// The programs of this repository: each becomes one file of the same path below dist/.
export const programs = [
  'infra/cli/main.ts',
];
