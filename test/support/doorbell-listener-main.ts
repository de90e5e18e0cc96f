// A listener in a process of its own, for tests that kill it in mid-batch. Arguments: URL of Redis, prefix.
import { systemClock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/process/log.ts';
import { createBullmqDoorbell } from '../../shared/queue/doorbell/bullmq-doorbell.ts';

const [url = '', prefix = ''] = process.argv.slice(2);
createBullmqDoorbell({ redis: { url }, prefix, clock: systemClock, log: silentLog }).listen(
  async () => {
    process.stdout.write('took\n');
    await new Promise(() => {});
  },
  { batchSize: 10 },
);
