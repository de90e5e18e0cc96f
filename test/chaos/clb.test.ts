import { clb } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('worker', [
  ['the CLB API cuts before the effect', clb({ kind: 'drop-before-effect' })],
  ['the CLB API cuts after the effect', clb({ kind: 'drop-after-effect' })],
  ['the CLB API answers late', clb({ kind: 'latency', ms: 80_000 })],
  ['the CLB API throttles (L11)', clb({ kind: 'throttle' }, undefined, 'deleting')],
  [
    'the CLB is busy',
    clb({ kind: 'error', code: 'FailedOperation.ResourceInOperating' }, undefined, 'deleting'),
  ],
]);
