import {
  answersLost,
  apiServer,
  clb,
  functionsKilledBetweenCalls,
  functionsStopped,
  invocationsRefused,
  redisAway,
  together,
} from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('scf', [
  ['functions are killed between any two of their calls (L4)', functionsKilledBetweenCalls],
  ['a function hangs while it holds, and goes on (L4)', functionsStopped],
  ['the platform refuses every invocation', invocationsRefused],
  ['the platform loses every answer', answersLost],
  [
    'everything is away for 40 s: the API server, Redis, the platform and the CLB API',
    together('deleting', [
      apiServer({ kind: 'cut' }),
      redisAway('kept', 'deleting'),
      invocationsRefused,
      clb({ kind: 'drop-before-effect' }),
    ]),
  ],
]);
