import { systemClock } from '../../shared/process/clock.ts';
import { createLog } from '../../shared/process/log.ts';
import { createMemoryDoorbell } from '../../shared/queue/doorbell/memory-doorbell.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import { type Forwarder, startForwarder } from '../forwarder/forwarder.ts';
import { functionParts } from './function-parts.ts';
import { createFunctions } from './in-process.ts';
import { createLeadingStore } from './leading-store.ts';
import { connect, endWhenTold, listening, settingsOf } from './program.ts';

/** Asking the memory store costs nothing: deadlines of drains are met as exactly. */
const askEveryMs = 100;

const settings = settingsOf('standalone');
const log = createLog('clb-direct', settings.logLevel);
const connection = await connect(settings.kubernetes);
log.info(
  'Standalone: forwarder, store, doorbell and functions in one process. The store is this process’s memory: what it loses when it ends is put again at the next start.',
  { clusterId: settings.policy.clusterId, identity: settings.kubernetes.identity },
);
const store = createMemoryStore({ clock: systemClock });
let forwarder: Forwarder | undefined;
const leadingStore = createLeadingStore(store, () => forwarder?.isLeading() ?? false);
forwarder = await listening(
  startForwarder({
    connection,
    settings,
    store,
    doorbell: createMemoryDoorbell(),
    functions: createFunctions(functionParts(settings, leadingStore, connection, log)),
    askEveryMs,
    clock: systemClock,
    random: Math.random,
    log,
  }),
);
endWhenTold(forwarder.stop, { ...settings, log });
