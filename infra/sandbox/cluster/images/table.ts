/** What stands in for a container image: a program of ours with its settings. */
export interface ImageProgram {
  /** Entry file below the repository, as in `infra/cli/programs.mjs`, without its ending. */
  readonly program: string;
  /** What it speaks; declared ports of another protocol are not listened on. */
  readonly protocol: 'TCP' | 'UDP';
  /** Ports it listens on besides the declared ones. */
  readonly ports: readonly number[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether the container's `command` and `args` are run; otherwise they are ignored. */
  readonly runsCommand: boolean;
}

const nginxProgram = 'infra/sandbox/cluster/images/nginx-main';

const images: Readonly<Record<string, ImageProgram>> = {
  nginx: { program: nginxProgram, protocol: 'TCP', ports: [80], env: {}, runsCommand: false },
  abrupt: {
    program: nginxProgram,
    protocol: 'TCP',
    ports: [80],
    env: { SANDBOX_ABRUPT: '1' },
    runsCommand: false,
  },
  'never-ready': {
    program: nginxProgram,
    protocol: 'TCP',
    ports: [80],
    env: { NEVER_READY: '1' },
    runsCommand: false,
  },
  'tcp-echo': {
    program: 'infra/sandbox/cluster/images/tcp-echo-main',
    protocol: 'TCP',
    ports: [7],
    env: {},
    runsCommand: false,
  },
  'udp-echo': {
    program: 'infra/sandbox/cluster/images/udp-echo-main',
    protocol: 'UDP',
    ports: [7],
    env: {},
    runsCommand: false,
  },
  busybox: {
    program: 'infra/sandbox/cluster/images/command-main',
    protocol: 'TCP',
    ports: [],
    env: {},
    runsCommand: true,
  },
};

/** The names in the table, for messages. */
export const imageNames: readonly string[] = Object.keys(images);

/**
 * The program of an image: its registry, path and tag do not matter (`docker.io/library/nginx:1.25` is `nginx`).
 *
 * @returns undefined for an image that is not in the table
 */
export const imageProgram = (image: string): ImageProgram | undefined => {
  const last = image.slice(image.lastIndexOf('/') + 1);
  const name = last.replace(/[:@].*$/, '');
  return Object.hasOwn(images, name) ? images[name] : undefined;
};
