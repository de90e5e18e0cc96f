import { apiServer, watchesForgotten } from './faults.ts';
import { chaosSuite } from './world.ts';

chaosSuite('standalone', [
  ['the API server cuts every connection of ours', apiServer({ kind: 'cut' })],
  ['the API server answers 429', apiServer({ kind: 'status', code: 429, retryAfterSeconds: 1 })],
  ['the API server answers 500', apiServer({ kind: 'status', code: 500 })],
  ['the API server carries out, and cuts the answer', apiServer({ kind: 'cut-answer' }, 'deleting')],
  ['the API server has forgotten where our watches were (410)', watchesForgotten('containers-ready')],
]);
