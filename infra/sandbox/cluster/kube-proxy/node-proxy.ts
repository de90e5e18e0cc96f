import type { Addresses } from '../../addresses.ts';
import { codeOf } from '../../net/sockets.ts';
import { HealthCheck } from './health-check.ts';
import { NodePort, type NodePortRefusal } from './node-port.ts';
import type { HealthRule, NodePortRule, NodeRules } from './rules.ts';

export interface NodeProxyOptions {
  readonly addresses: Addresses;
  readonly nodeIp: string;
  readonly random: () => number;
  readonly onRefused: (refusal: NodePortRefusal) => void;
  readonly onWarning: (text: string) => void;
}

/** The ports of one node. A port that cannot be had is told once and tried again at the next change. */
export class NodeProxy {
  readonly #options: NodeProxyOptions;
  readonly #ports = new Map<number, NodePort>();
  readonly #health = new Map<number, HealthCheck>();
  readonly #told = new Set<number>();
  #closed = false;

  constructor(options: NodeProxyOptions) {
    this.#options = options;
  }

  /** The rules that new connections meet at this moment. */
  get rules(): NodeRules {
    const nodePorts = [...this.#ports.values()].flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
    return { nodePorts, healthChecks: [...this.#health.values()].map(({ rule }) => rule) };
  }

  /** Open connections through all ports. */
  get connections(): number {
    return [...this.#ports.values()].reduce((total, { connections }) => total + connections, 0);
  }

  async apply(rules: NodeRules): Promise<void> {
    if (this.#closed) return;
    const wanted = new Map(rules.nodePorts.map((rule) => [rule.nodePort, rule]));
    for (const [nodePort, port] of this.#ports) {
      if (wanted.has(nodePort)) continue;
      // Gone from the rules; its object stays only while connections go through it.
      await port.apply(undefined);
      if (port.connections === 0) this.#ports.delete(nodePort);
    }
    for (const rule of wanted.values()) await this.#applyPort(rule);
    await this.#applyHealth(rules.healthChecks);
  }

  close(): void {
    this.#closed = true;
    for (const port of this.#ports.values()) port.close();
    for (const health of this.#health.values()) health.close();
  }

  async #applyPort(rule: NodePortRule): Promise<void> {
    const { addresses, nodeIp, random, onRefused } = this.#options;
    const { nodePort } = rule;
    const port =
      this.#ports.get(nodePort) ?? new NodePort({ addresses, nodeIp, nodePort, random, onRefused });
    this.#ports.set(nodePort, port);
    await this.#attempt(nodePort, () => port.apply(rule));
    if (this.#closed) port.close();
  }

  async #applyHealth(rules: readonly HealthRule[]): Promise<void> {
    const { addresses, nodeIp } = this.#options;
    const wanted = new Map(rules.map((rule) => [rule.port, rule]));
    for (const [port, health] of this.#health) {
      if (wanted.has(port)) continue;
      health.close();
      this.#health.delete(port);
    }
    for (const rule of rules) {
      const known = this.#health.get(rule.port);
      if (known !== undefined) {
        known.apply(rule);
        continue;
      }
      const health = new HealthCheck(rule);
      await this.#attempt(rule.port, async () => {
        await health.open(addresses.socketOf(nodeIp, rule.port));
        this.#health.set(rule.port, health);
      });
      if (this.#closed) health.close();
    }
  }

  async #attempt(port: number, open: () => Promise<void>): Promise<void> {
    try {
      await open();
      this.#told.delete(port);
    } catch (error) {
      if (this.#told.has(port)) return;
      this.#told.add(port);
      const code = error instanceof Error ? codeOf(error) : String(error);
      this.#options.onWarning(`kube-proxy of ${this.#options.nodeIp} cannot listen on port ${port}: ${code}`);
    }
  }
}
