import { killed, stopped } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('standalone', [
  ['the process is killed while Pods go', killed('leader', 'deleting')],
  ['the process hangs and goes on', stopped('leader', 'containers-ready')],
]);
