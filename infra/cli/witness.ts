import { Command } from 'commander';
import { loadProgram } from './load-program.ts';

export const witnessCommand = (): Command =>
  new Command('witness')
    .summary("Tencent's own SDKs against the CLB simulator")
    .description(
      "Leads one scenario through Tencent's SDKs for Node, Go and Python, each unchanged and against a simulator of its own, over HTTP and HTTPS. The first run fetches the SDKs; a language that is not on this machine is left out, unless CI=true.",
    )
    .argument('[languages...]', 'node, go, go-common, python (default: all)')
    .action(async (names: string[]) => {
      const witness = await loadProgram('test/witness/main', 'witness');
      process.exit(await witness(names));
    });
