import { redisAway, redisFlushed, redisStopped } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('lambda', [
  ['Redis is killed and comes back with its data', redisAway('kept', 'deleting')],
  ['Redis is killed and comes back with nothing (L5)', redisAway('lost', 'containers-ready')],
  ['Redis hangs and goes on', redisStopped],
  [
    'Redis is flushed while Pods come, and all is in it again within 30 s (L3)',
    redisFlushed('containers-ready'),
  ],
  ['Redis is flushed while Pods go, and all is in it again within 30 s (L3)', redisFlushed('deleting')],
]);
