// Plays the runtime of Tencent SCF inside an instance: asks for events, calls `main_handler`, tells what came of it.
import { ask, dieWithPlatform, errorBody, type Handler, loadHandler } from './bootstrap.ts';

dieWithPlatform();
const api = {
  host: process.env['SCF_RUNTIME_API'] ?? '127.0.0.1',
  port: Number(process.env['SCF_RUNTIME_API_PORT']),
};
const [file = ''] = process.argv.slice(2);
/** What the platform set, with the role's credentials: JSON text, as a function sees it in its context. */
const environment = JSON.stringify(
  Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(SCF|TENCENTCLOUD)_/.test(name))),
);

const name = (process.env['_HANDLER'] ?? '').split('.').at(-1) ?? 'main_handler';
let handler: Handler | undefined;
let broken: unknown;
try {
  handler = await loadHandler(file, name);
} catch (error) {
  broken = error;
  console.error(error);
}
await ask(api, 'POST', '/runtime/init/ready', ' ');

for (;;) {
  const next = await ask(api, 'GET', '/runtime/invocation/next');
  if (handler === undefined) {
    // The API knows no failed initialisation: the invocation is told what was wrong with the code.
    await ask(api, 'POST', '/runtime/invocation/error', errorBody(broken));
    process.exit(1);
  }
  const context = {
    request_id: next.headers['request_id'],
    function_name: process.env['SCF_FUNCTIONNAME'],
    function_version: process.env['SCF_FUNCTIONVERSION'],
    namespace: process.env['SCF_NAMESPACE'],
    memory_limit_in_mb: Number(next.headers['memory_limit_in_mb']),
    time_limit_in_ms: Number(next.headers['time_limit_in_ms']),
    tencentcloud_region: process.env['TENCENTCLOUD_REGION'],
    environment,
    callbackWaitsForEmptyEventLoop: true,
  };
  try {
    const answer = await handler(JSON.parse(next.body), context);
    await ask(api, 'POST', '/runtime/invocation/response', JSON.stringify(answer ?? null));
  } catch (error) {
    await ask(api, 'POST', '/runtime/invocation/error', errorBody(error));
  }
}
