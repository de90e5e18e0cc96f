import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { programFile } from '../sandbox/program-files.ts';

type Witness = (names: readonly string[]) => Promise<number>;

/** A file of its own: the other verbs need nothing of what it imports. */
const load = async (): Promise<Witness> => {
  const loaded: Readonly<Record<string, unknown>> = await import(
    pathToFileURL(programFile('test/witness/main')).href
  );
  const { witness } = loaded;
  if (typeof witness !== 'function') {
    throw new Error('dist/test/witness/main.mjs exports no witness; run `npm run build`.');
  }
  return (names) => witness(names);
};

export const witnessCommand = (): Command =>
  new Command('witness')
    .summary("Tencent's own SDKs against the CLB simulator")
    .description(
      "Leads one scenario through Tencent's SDKs for Node, Go and Python, each unchanged and against a simulator of its own, over HTTP and HTTPS. The first run fetches the SDKs; a language that is not on this machine is left out, unless CI=true.",
    )
    .argument('[languages...]', 'node, go, go-common, python (default: all)')
    .action(async (names: string[]) => {
      for (const [signal, code] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
        ['SIGHUP', 129],
      ] as const) {
        // What was started ends with this process.
        process.on(signal, () => process.exit(code));
      }
      process.exit(await (await load())(names));
    });
