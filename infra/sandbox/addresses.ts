import { addressesListenedOn, canListen, closeServer, listen } from './net/listening.ts';
import { PortBlock } from './port-block.ts';

/** A real socket address on loopback. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export type AddressRange = 'pod' | 'node' | 'client' | 'vip';

/**
 * The one place that knows how the ordinary addresses in every API (`10.N.b.c`) become sockets on loopback.
 * Kubernetes refuses loopback addresses in EndpointSlices, so Pods, nodes and load balancers never show one.
 */
export interface Addresses {
  /** `range`: all of 127/8 answers, `10.N.b.c` is `127.N.b.c`. `single`: 127.0.0.1 and a free port each. */
  readonly mode: 'range' | 'single';
  /** The sandbox's VPC, e.g. `10.57.0.0/16`. */
  readonly vpcCidr: string;
  /** A free address of the range; the same address is not handed out again before 100 others were. */
  allocate(range: AddressRange): string;
  /** Gives an address back. */
  free(ip: string): void;
  /** Where the socket of an address and port lives. Stable for as long as the address is held. */
  socketOf(ip: string, port: number): SocketAddress;
  /**
   * The local address to connect from so that the peer sees `ip`; undefined in `single` mode. Also for `100.64.0.c`,
   * which all sandboxes share.
   */
  sourceOf(ip: string): string | undefined;
  /** The ordinary address behind a loopback one (`127.N.b.c` → `10.N.b.c`); other addresses stay as they are. */
  ordinary(loopback: string): string;
  /** Gives the claim on N back. */
  release(): Promise<void>;
}

const rangeStart: Record<AddressRange, number> = { pod: 0, node: 128, client: 192, vip: 240 };
const rangeEnd: Record<AddressRange, number> = { pod: 127, node: 191, client: 239, vip: 255 };
const privilegedShift = 20_000;
const claimPort = 19_999;
/** In `single` mode: blocks of so many ports, below those that systems give to outgoing connections. */
const blockSize = 1_000;
const firstBlock = 10_000;
const blocks = 22;

class Allocator {
  readonly #n: number;
  readonly #next = new Map<AddressRange, number>();
  readonly #taken = new Set<string>();

  constructor(n: number) {
    this.#n = n;
  }

  allocate(range: AddressRange): string {
    const first = rangeStart[range] * 256 + 1;
    const last = rangeEnd[range] * 256 + 254;
    for (let tries = 0; tries <= last - first; tries += 1) {
      const at = this.#next.get(range) ?? first;
      this.#next.set(range, at >= last ? first : at + 1);
      const octet = at % 256;
      if (octet === 0 || octet === 255) continue;
      const ip = `10.${this.#n}.${Math.floor(at / 256)}.${octet}`;
      if (this.#taken.has(ip)) continue;
      this.#taken.add(ip);
      return ip;
    }
    throw new Error(`No ${range} address is free in 10.${this.#n}.0.0/16.`);
  }

  free(ip: string): void {
    this.#taken.delete(ip);
  }

  isTaken(ip: string): boolean {
    return this.#taken.has(ip);
  }
}

const firstPart = 32;
const parts = 200;

/** Each N of which some `127.N.b.c` is listened on: also by what a sandbox that is gone could not end. */
const partsInUse = (): ReadonlySet<number> =>
  new Set(
    [...addressesListenedOn()].flatMap((ip) => (ip.startsWith('127.') ? [Number(ip.split('.')[1])] : [])),
  );

const claimRange = async (first: number): Promise<Addresses | undefined> => {
  const inUse = partsInUse();
  for (let tries = 0; tries < parts; tries += 1) {
    const n = firstPart + ((first - firstPart + tries) % parts);
    if (inUse.has(n)) continue;
    const lock = await listen(`127.${n}.0.1`, claimPort);
    if (lock instanceof Error) {
      if (lock.code === 'EADDRINUSE') continue;
      return undefined;
    }
    const privileged = await canListen(`127.${n}.255.254`, 80);
    const allocator = new Allocator(n);
    const loopback = (ip: string): string =>
      ip.replace(/^10\./, '127.').replace(/^100\.64\.0\./, '127.0.64.');
    return {
      mode: 'range',
      vpcCidr: `10.${n}.0.0/16`,
      allocate: (range) => allocator.allocate(range),
      free: (ip) => allocator.free(ip),
      socketOf: (ip, port) => ({
        host: loopback(ip),
        port: port < 1024 && !privileged ? port + privilegedShift : port,
      }),
      sourceOf: loopback,
      ordinary: (ip) =>
        ip.replace(/^(::ffff:)?127\.0\.64\./, '100.64.0.').replace(/^(::ffff:)?127\.(?!0\.)/, '10.'),
      release: () => closeServer(lock),
    };
  }
  return undefined;
};

/** Those of a block that nobody else listens on at this moment. */
const freePorts = async (first: number, count: number): Promise<number[]> => {
  const ports: number[] = [];
  for (let at = first; at < first + count; at += 100) {
    const tried = Array.from({ length: Math.min(100, first + count - at) }, (_, offset) => at + offset);
    const free = await Promise.all(tried.map((port) => canListen('127.0.0.1', port)));
    ports.push(...tried.filter((_, index) => free[index]));
  }
  return ports;
};

const claimSingle = async (): Promise<Addresses> => {
  for (let block = 0; block < blocks; block += 1) {
    const base = firstBlock + block * blockSize;
    const lock = await listen('127.0.0.1', base);
    if (lock instanceof Error) continue;
    const n = 10 + block;
    const allocator = new Allocator(n);
    const ports = new PortBlock(await freePorts(base + 1, blockSize - 1), (ip) => allocator.isTaken(ip));
    return {
      mode: 'single',
      vpcCidr: `10.${n}.0.0/16`,
      allocate: (range) => allocator.allocate(range),
      free: (ip) => {
        allocator.free(ip);
        ports.released(ip);
      },
      socketOf: (ip, port) => ({ host: '127.0.0.1', port: ports.portOf(ip, port) }),
      sourceOf: () => undefined,
      ordinary: (ip) => ip,
      release: () => closeServer(lock),
    };
  }
  throw new Error(`No block of ${blockSize} ports is free on 127.0.0.1.`);
};

/**
 * Claims a part of loopback for one sandbox, on which nobody listens; several run side by side. The claim dies with
 * the process.
 *
 * @param single only 127.0.0.1 may be used (what macOS has); default: `SANDBOX_LOOPBACK=single`
 * @param first the N to try first, 32 to 231; default: any
 */
export const claimAddresses = async (
  single: boolean = process.env['SANDBOX_LOOPBACK'] === 'single',
  first: number = firstPart + Math.floor(Math.random() * parts),
): Promise<Addresses> => (single ? undefined : await claimRange(first)) ?? (await claimSingle());
