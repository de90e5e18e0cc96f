import { numberOf, objectOf, objectsOf, textOf, textsOf } from '../json.ts';
import { internalError } from '../status-error.ts';
import type { ObjectStore } from '../store/store.ts';

const toNumber = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

const toIp = (number: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');

const range = (cidr: string): { first: number; size: number } => {
  const [base = '', bits = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  return { first: Math.floor(toNumber(base) / size) * size, size };
};

/** Whether an IPv4 address lies in a range like `10.96.0.0/16`. */
export const inCidr = (ip: string, cidr: string): boolean => {
  const { first, size } = range(cidr);
  const at = toNumber(ip) - first;
  return at > 0 && at < size - 1;
};

/** The first address of the service range: that of the `kubernetes` Service. */
export const firstAddress = (cidr: string): string => toIp(range(cidr).first + 1);

/** The cluster IPs that Services hold. */
export const usedAddresses = (store: ObjectStore): Set<string> => {
  const used = new Set<string>();
  for (const { object } of store.collection('services').values()) {
    for (const ip of textsOf(objectOf(object.spec).clusterIPs)) used.add(ip);
  }
  return used;
};

/** A cluster IP that no Service holds. The lowest sixteenth stays for those who name theirs. */
export const freeAddress = (store: ObjectStore, cidr: string): string => {
  const used = usedAddresses(store);
  const { first, size } = range(cidr);
  const start = Math.min(256, Math.max(2, Math.floor(size / 16)));
  for (let at = start; at < start + size - 2; at += 1) {
    const ip = toIp(first + (at < size - 1 ? at : at - size + 3));
    if (!used.has(ip)) return ip;
  }
  throw internalError('failed to allocate a serviceIP: range is full');
};

const nodePorts = { first: 30_000, last: 32_767 };

/** The node ports that Services hold, by protocol: `TCP 30080`. */
export const usedNodePorts = (store: ObjectStore, exceptUid?: string): Set<string> => {
  const used = new Set<string>();
  for (const { object } of store.collection('services').values()) {
    if (object.metadata.uid === exceptUid && exceptUid !== undefined) continue;
    const spec = objectOf(object.spec);
    for (const port of objectsOf(spec.ports)) {
      const nodePort = numberOf(port.nodePort);
      if (nodePort !== undefined && nodePort !== 0) used.add(`${textOf(port.protocol)} ${nodePort}`);
    }
    const healthPort = numberOf(spec.healthCheckNodePort);
    if (healthPort !== undefined) used.add(`TCP ${healthPort}`);
  }
  return used;
};

/** A node port that is in nobody's use, and marks it used in `used`. */
export const freeNodePort = (used: Set<string>, protocol: string): number => {
  const count = nodePorts.last - nodePorts.first + 1;
  const start = Math.floor(Math.random() * count);
  for (let tries = 0; tries < count; tries += 1) {
    const port = nodePorts.first + ((start + tries) % count);
    if (used.has(`${protocol} ${port}`)) continue;
    used.add(`${protocol} ${port}`);
    return port;
  }
  throw internalError('failed to allocate a nodePort: range is full');
};

export const isNodePort = (port: number): boolean => port >= nodePorts.first && port <= nodePorts.last;
