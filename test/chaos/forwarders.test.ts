import { killed, stopped } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('worker', [
  ['the leading forwarder is killed while Pods go', killed('leader', 'deleting')],
  ['the leading forwarder is killed while Pods come', killed('leader', 'containers-ready')],
  ['the leading forwarder hangs and goes on (L2)', stopped('leader', 'containers-ready')],
  ['the other forwarder is killed', killed('standby', 'rolling')],
  ['the other forwarder hangs and goes on', stopped('standby', 'rolling')],
]);
