import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { type Addresses, claimAddresses } from '../../infra/sandbox/addresses.ts';

const partOf = ({ vpcCidr }: Addresses): number => Number(vpcCidr.split('.')[1]);

const first = await claimAddresses(false);
await first.release();
// The kernel's table of sockets tells who listens.
const canTell = first.mode === 'range' && process.platform === 'linux';

it.runIf(canTell)('a part of loopback is not claimed while anybody listens in it', async () => {
  const claimed = await claimAddresses(false);
  const part = partOf(claimed);
  const left = createServer();
  // Where the webhook of a forwarder was that outlived its sandbox.
  left.listen({ host: `127.${part}.128.4`, port: 9443 });
  await once(left, 'listening');
  await claimed.release();
  const beside = await claimAddresses(false, part);
  left.close();
  await beside.release();
  expect(beside.mode).toBe('range');
  expect(partOf(beside)).not.toBe(part);
});

it.runIf(canTell)('two that claim a part at once do not both get it', async () => {
  const part = partOf(first);
  const claims = await Promise.all([claimAddresses(false, part), claimAddresses(false, part)]);
  await Promise.all(claims.map((claimed) => claimed.release()));
  expect(new Set(claims.map(partOf)).size).toBe(2);
});
