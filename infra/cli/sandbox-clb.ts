import { Command, InvalidArgumentError, Option } from 'commander';
import { allActions } from '../sandbox/clb/actions/all.ts';
import { type HttpsAlone, runClbAlone } from '../sandbox/clb/alone.ts';
import { faultForms, parseFault } from '../sandbox/clb/fault-spec.ts';
import type { Fault } from '../sandbox/clb/faults.ts';
import { type ClbSettings, type DurationRange, strictSettings } from '../sandbox/clb/settings.ts';
import { parseRange, parseSetting, settingLines } from '../sandbox/clb/settings-table.ts';
import { ipv4Network, loopbackAddress, positiveNumber } from './arguments.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

interface ClbFlags {
  readonly listen: Address;
  readonly speed: number;
  readonly region?: string;
  readonly vpcCidr?: string;
  readonly https?: true | Address;
  readonly httpsCertificate?: string;
  readonly httpsKey?: string;
  readonly caFile?: string;
  readonly latency?: DurationRange;
  readonly fault: readonly Fault[];
  readonly set: Partial<ClbSettings>;
  readonly strict?: true;
}

const latency = (text: string): DurationRange => {
  const range = parseRange(text);
  if (range === undefined) throw new InvalidArgumentError('It must be MS or MIN-MAX.');
  return range;
};

const fault = (text: string, before: readonly Fault[]): readonly Fault[] => {
  const parsed = parseFault(text);
  if ('problem' in parsed) throw new InvalidArgumentError(parsed.problem);
  const { action = [], effect } = parsed.fault;
  const named = [...[action].flat(), ...(effect.kind === 'changed-by-hand' ? [effect.action] : [])];
  const unknown = named.find((name) => !allActions().has(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no action ${JSON.stringify(unknown)}.`);
  return [...before, parsed.fault];
};

const setting = (text: string, before: Partial<ClbSettings>): Partial<ClbSettings> => {
  const parsed = parseSetting(text);
  if ('problem' in parsed) throw new InvalidArgumentError(parsed.problem);
  return { ...before, ...parsed.setting };
};

const httpsOf = (flags: ClbFlags, command: Command): HttpsAlone | undefined => {
  const { https, httpsCertificate: certificateFile, httpsKey: keyFile, caFile } = flags;
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    command.error('error: --https-certificate and --https-key belong together');
  }
  if (https === undefined && certificateFile === undefined && caFile === undefined) return undefined;
  return {
    ...(typeof https === 'object' ? { listen: https } : {}),
    ...(certificateFile === undefined || keyFile === undefined
      ? {}
      : { given: { certificateFile, keyFile } }),
    ...(caFile === undefined ? {} : { caFile }),
  };
};

const printAndEnd = (lines: () => readonly string[]) => (): void => {
  process.stdout.write(`${lines().join('\n')}\n`);
  process.exit(0);
};

export const sandboxClbCommand = (): Command =>
  new Command('clb')
    .summary('the CLB simulator alone')
    .description(
      'The CLB simulator alone, for any Tencent Cloud SDK. Prints one line of JSON when it is ready (url, region, secretId, secretKey …), shows what is asked of it, and runs until SIGTERM or Ctrl-C.',
    )
    .addOption(
      new Option('--listen <host:port>', 'where its API listens; port 0: any')
        .argParser(loopbackAddress)
        .default({ host: '127.0.0.1', port: 0 }, '127.0.0.1:0'),
    )
    .option('--region <region>', 'the one region it serves (default: ap-guangzhou)')
    .option(
      '--vpc-cidr <cidr>',
      'where targets may lie (default: the part of 10/8 that is reachable here)',
      ipv4Network,
    )
    .option('--speed <n>', 'divides the times that the real CLB takes', positiveNumber, 1)
    .option(
      '--https [host:port]',
      "HTTPS too, under the API's own host names; the HTTP address is then a proxy that leads to them",
      loopbackAddress,
    )
    .option('--https-certificate <file>', 'PEM of its certificate and chain (default: one is made)')
    .option('--https-key <file>', "PEM of that certificate's key")
    .option('--ca-file <file>', 'where to write who vouches for the certificate that is made')
    .option('--latency <min-max>', 'milliseconds that a call takes by itself (default: 30-80)', latency)
    .addOption(
      new Option('--fault <fault>', 'what goes wrong, again and again; several may be given')
        .argParser(fault)
        .default([], 'none'),
    )
    .option('--list-faults', 'prints the forms of --fault')
    .addOption(
      new Option('--set <name=value>', 'one of its settings; several may be given')
        .argParser(setting)
        .default({}, 'none'),
    )
    .option('--list-settings', 'prints all settings with their meanings and defaults')
    .option(
      '--strict',
      'of everything that nobody has verified about the real CLB, the answer that is hardest',
    )
    .on('option:list-faults', printAndEnd(faultForms))
    .on('option:list-settings', printAndEnd(settingLines))
    .action(async (flags: ClbFlags, command: Command) => {
      const https = httpsOf(flags, command);
      await runClbAlone({
        listen: flags.listen,
        speed: flags.speed,
        faults: flags.fault,
        settings: {
          ...(flags.strict === true ? strictSettings : {}),
          ...(flags.latency === undefined ? {} : { apiLatencyMs: flags.latency }),
          ...flags.set,
        },
        ...(https === undefined ? {} : { https }),
        ...(flags.region === undefined ? {} : { region: flags.region }),
        ...(flags.vpcCidr === undefined ? {} : { vpcCidr: flags.vpcCidr }),
      });
      process.exit(0);
    });
