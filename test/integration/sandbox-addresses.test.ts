import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { type Addresses, claimAddresses } from '../../infra/sandbox/addresses.ts';

const partOf = ({ vpcCidr }: Addresses): number => Number(vpcCidr.split('.')[1]);

const freePart = async (): Promise<number> => {
  const claimed = await claimAddresses(false);
  await claimed.release();
  return partOf(claimed);
};

const { mode, release } = await claimAddresses(false);
await release();
// The kernel's table of sockets tells who listens.
const canTell = mode === 'range' && process.platform === 'linux';

// Another sandbox of this machine may take the very part that a test has just found free: 1 of 200.
const options = { retry: 3 };

it.runIf(canTell)('a part of loopback is not claimed while anybody listens in it', options, async () => {
  const part = await freePart();
  const left = createServer();
  // Where the webhook of a forwarder was that outlived its sandbox.
  left.listen({ host: `127.${part}.128.4`, port: 9443 });
  await once(left, 'listening');
  const beside = await claimAddresses(false, part);
  left.close();
  await once(left, 'close');
  const after = await claimAddresses(false, part);
  await Promise.all([beside.release(), after.release()]);
  expect(beside.mode).toBe('range');
  expect(partOf(beside)).not.toBe(part);
  expect(partOf(after)).toBe(part);
});

it.runIf(canTell)('two that claim a part at once do not both get it', options, async () => {
  const part = await freePart();
  const claims = await Promise.all([claimAddresses(false, part), claimAddresses(false, part)]);
  await Promise.all(claims.map((claimed) => claimed.release()));
  const claimed = claims.map(partOf);
  expect(claimed).toContain(part);
  expect(new Set(claimed).size).toBe(2);
});
