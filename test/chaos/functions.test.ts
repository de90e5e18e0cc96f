import { answersLost, functionsKilledBetweenCalls, functionsStopped, invocationsRefused } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('scf', [
  ['functions are killed between any two of their calls (L4)', functionsKilledBetweenCalls],
  ['a function hangs while it holds, and goes on (L4)', functionsStopped],
  ['the platform refuses every invocation', invocationsRefused],
  ['the platform loses every answer', answersLost],
]);
