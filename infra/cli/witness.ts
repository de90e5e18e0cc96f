import { Command } from 'commander';
import { loadProgram } from './load-program.ts';

export const witnessCommand = (): Command =>
  new Command('witness')
    .summary("Tencent's own SDKs against the CLB simulator")
    .description(
      "Leads one scenario through Tencent's SDKs for Node, Go and Python, each unchanged and against a simulator of its own, over HTTP and HTTPS, and once more against one with the strict settings. The first run fetches the SDKs; a language that is not on this machine is left out, unless CI=true.",
    )
    .argument('[languages...]', 'node, go, go-common, python (default: all)')
    .option('--pass <name>', 'only one of http, get, https, strict')
    .action(async (names: string[], options: { pass?: string }) => {
      const witness = await loadProgram('test/witness/main', 'witness');
      process.exit(await witness(names, options.pass));
    });
