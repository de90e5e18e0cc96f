import { workersKilled, workersStopped } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('worker', [
  ['the workers are killed while they write', workersKilled],
  ['the workers hang while they write, and go on (L4)', workersStopped],
]);
