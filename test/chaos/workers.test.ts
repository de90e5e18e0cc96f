import { killed, stopped } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('worker', [
  ['a worker is killed', killed('worker', 'deleting')],
  ['a worker hangs and goes on (L4)', stopped('worker', 'containers-ready')],
]);

chaosSuite('standalone', [
  ['the process is killed while Pods go', killed('leader', 'deleting')],
  ['the process hangs and goes on', stopped('leader', 'containers-ready')],
]);
