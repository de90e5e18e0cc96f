// Session persistence on the load balancer: asked for on the Service, and looked at with a client's own eyes.
import { services } from '../cluster/objects.ts';
import { startClients } from '../load/clients.ts';
import type { Sandbox } from '../sandbox.ts';
import { guide } from './rolling-update.ts';
import type { Run } from './run.ts';

const annotation = 'clb-direct.io/session-expire-seconds';
const modifiedTimeoutMs = 30_000;
const lookMs = 3_000;

const annotate = async (sandbox: Sandbox, run: Run, seconds: string | null): Promise<void> => {
  const modified = run.until(
    `the listener is modified for ${annotation}`,
    modifiedTimeoutMs,
    (_, event) => event?.type === 'listener' && event.change === 'modified',
  );
  // Whoever fails first is told; the other one is not left unheard.
  await Promise.all([
    modified,
    sandbox.cluster.client.patch(services, guide.namespace, guide.service, 'merge', {
      metadata: { annotations: { [annotation]: seconds } },
    }),
  ]);
};

/**
 * Asks for session persistence with the annotation, and lets one client ask with a new connection each time.
 *
 * @returns how many Pods answered it: 1 when its session was kept all the way to a Pod
 * @throws NotInTime
 */
export const podsOfOneSession = async (sandbox: Sandbox, run: Run, programsDir?: string): Promise<number> => {
  const { address } = run.state;
  if (address === undefined) throw new Error('The Service has no address to send requests to.');
  run.history.add({ type: 'stage', stage: 'sessions', text: `annotate ${annotation}, one client asks` });
  await annotate(sandbox, run, '3600');
  const clients = startClients({
    addresses: sandbox.addresses,
    clients: [{ name: 'session', kind: 'session', target: { ip: address, port: 80 }, ratePerSecond: 40 }],
    ...(programsDir === undefined ? {} : { programsDir }),
  });
  try {
    await run.pause(lookMs);
    const [report] = await clients.stop();
    return Object.keys(report?.pods ?? {}).length;
  } finally {
    clients.close();
    await annotate(sandbox, run, null);
  }
};
