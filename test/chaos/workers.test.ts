import { killed, stopped, workersKilled, workersStopped } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('worker', [
  ['the workers are killed while they write', workersKilled],
  ['the workers hang while they write, and go on (L4)', workersStopped],
]);

chaosSuite('standalone', [
  ['the process is killed while Pods go', killed('leader', 'deleting')],
  ['the process hangs and goes on', stopped('leader', 'containers-ready')],
]);
