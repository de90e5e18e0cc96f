import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, type BuildResult, type Metafile, stop } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const maxBytes = 0.8 * 1024 * 1024;

interface BuildModule {
  buildFunctions(more: BuildOptions): Promise<BuildResult<{ metafile: true; write: false }>>;
}

let built: BuildResult<{ metafile: true; write: false }>;

beforeAll(async () => {
  const build: BuildModule = await import(pathToFileURL(`${root}infra/cli/build.mjs`).href);
  built = await build.buildFunctions({ metafile: true });
}, 120_000);

afterAll(() => stop());

const packageOf = (path: string): string | undefined =>
  /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];

type Output = Metafile['outputs'][string];

const outputOf = (file: string): Output => {
  const output = built.metafile.outputs[file];
  if (output === undefined) throw new Error(`The build makes no ${file}.`);
  return output;
};

/** What takes the room, largest first. */
const sizes = ({ bytes, inputs }: Output): string => {
  const by = new Map<string, number>();
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const name = packageOf(path) ?? path.split('/').slice(0, 2).join('/');
    by.set(name, (by.get(name) ?? 0) + bytesInOutput);
  }
  const rows = [...by].sort(([, a], [, b]) => b - a).slice(0, 20);
  return [`${bytes} bytes:`, ...rows.map(([name, size]) => `${String(size).padStart(9)} ${name}`)].join('\n');
};

test('one file for each function, and nothing beside it', () => {
  expect(Object.keys(built.metafile.outputs).sort()).toEqual([
    'dist/functions/readiness/function.cjs',
    'dist/functions/reconcile/function.cjs',
  ]);
});

describe.each(['reconcile', 'readiness'])('the bundle of %s', (part) => {
  const file = `dist/functions/${part}/function.cjs`;
  const inputs = (): string[] => Object.keys(outputOf(file).inputs);

  test('is what `npm run build` made', () => {
    const contents = built.outputFiles.find(({ path }) => path === `${root}${file}`)?.contents;
    expect(contents).toBeDefined();
    expect(readFileSync(`${root}${file}`).equals(Buffer.from(contents ?? []))).toBe(true);
  });

  test('is no larger than 0.8 MB: the platform loads it at each cold start', () => {
    const output = outputOf(file);
    expect(output.bytes, sizes(output)).toBeLessThanOrEqual(maxBytes);
  });

  test('loads nothing but itself and Node’s own modules', () => {
    const outside = new Set(outputOf(file).imports.map(({ path }) => path));
    // An old node-fetch looks for it, and does without.
    outside.delete('encoding');
    expect([...outside].filter((path) => !isBuiltin(path))).toEqual([]);
  });

  test('our code uses four packages', () => {
    const used = inputs()
      .filter((path) => packageOf(path) === undefined)
      .flatMap((path) => built.metafile.inputs[path]?.imports ?? [])
      .flatMap(({ path }) => packageOf(path) ?? []);
    expect([...new Set(used)].sort(), sizes(outputOf(file))).toEqual([
      '@aws-lambda-powertools/logger',
      'ioredis',
      'tencentcloud-sdk-nodejs',
      'zod',
    ]);
  });

  test('no library of the resident forwarder is in it', () => {
    const resident =
      /^(bullmq|undici|prom-client|@peculiar\/.*|@kubernetes\/.*|@aws-sdk\/.*|@smithy\/.*|whatwg-url|tr46)$/;
    const found = inputs().flatMap((path) => packageOf(path) ?? []);
    expect(
      [...new Set(found)].filter((name) => resident.test(name)),
      sizes(outputOf(file)),
    ).toEqual([]);
  });

  test('of the Tencent SDK it has the CLB client and what all clients share', () => {
    const folders = inputs().flatMap(
      (path) => /tencentcloud-sdk-nodejs\/tencentcloud\/(services\/[^/]+|[^/]+)\//.exec(path)?.[1] ?? [],
    );
    expect([...new Set(folders)].sort(), sizes(outputOf(file))).toEqual(['common', 'services/clb']);
  });

  test('of our code it has nothing of the forwarder, the doorbell, the sandbox or the other function', () => {
    const other = part === 'reconcile' ? 'readiness' : 'reconcile';
    const foreign = new RegExp(`^(infra/sandbox|test|functions/(forwarder|${other})|shared/queue/doorbell)/`);
    expect(inputs().filter((path) => foreign.test(path))).toEqual([]);
  });
});
