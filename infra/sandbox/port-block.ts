/**
 * Gives each pair of address and port a port of a block on the one loopback address there is. A pair keeps its
 * port for as long as its address is held; the ports of addresses that were given back are taken again last,
 * oldest first, and only when no other is free.
 */
export class PortBlock {
  readonly #free: number[];
  readonly #isHeld: (ip: string) => boolean;
  readonly #mapped = new Map<string, Map<number, number>>();
  #next = 0;

  /** @param ports in the order in which they are given out */
  constructor(ports: readonly number[], isHeld: (ip: string) => boolean) {
    this.#free = [...ports];
    this.#isHeld = isHeld;
  }

  /** @throws Error when every port belongs to an address that is held */
  portOf(ip: string, port: number): number {
    const known = this.#mapped.get(ip)?.get(port);
    if (known !== undefined) return known;
    const given = this.#take();
    const ports = this.#mapped.get(ip) ?? new Map<number, number>();
    ports.set(port, given);
    this.#mapped.set(ip, ports);
    return given;
  }

  /** The address was given back: who still asks for it gets the same ports until they are needed. */
  released(ip: string): void {
    const ports = this.#mapped.get(ip);
    if (ports === undefined) return;
    this.#mapped.delete(ip);
    this.#mapped.set(ip, ports);
  }

  #take(): number {
    if (this.#next >= this.#free.length) this.#reclaim();
    const given = this.#free[this.#next];
    if (given === undefined) {
      throw new Error('Every port of this sandbox is in use: one loopback address is not enough for it.');
    }
    this.#next += 1;
    return given;
  }

  #reclaim(): void {
    for (const [ip, ports] of this.#mapped) {
      if (this.#isHeld(ip)) continue;
      this.#mapped.delete(ip);
      this.#free.push(...ports.values());
      return;
    }
  }
}
