/** Damage as it comes from broken uploads, broken disks and people with bad intent; the same for the same chance. */

export interface Mutated {
  readonly data: Buffer
  /** What was done: with the seed it tells how to get the same file again. */
  readonly how: string
}

type Chance = () => number
type Mutation = (data: Buffer, chance: Chance, other: Buffer) => Buffer

const below = (chance: Chance, limit: number) => Math.floor(chance() * limit)

/** Most damage that matters sits in headers, at the start or at the end of a file. */
function place(data: Buffer, chance: Chance): number {
  const near = Math.min(data.length, 4096)
  const which = below(chance, 3)
  if (which === 0) return below(chance, near)
  return which === 1 ? data.length - 1 - below(chance, near) : below(chance, data.length)
}

const mutations: Readonly<Record<string, Mutation>> = {
  cut: (data, chance) => data.subarray(0, 1 + below(chance, data.length)),
  headless: (data, chance) => data.subarray(below(chance, data.length)),
  flip(data, chance) {
    for (let times = 1 + below(chance, 20); times > 0; times--)
      data[place(data, chance)]! ^= 1 << below(chance, 8)
    return data
  },
  noise(data, chance) {
    const at = place(data, chance)
    const end = Math.min(data.length, at + 1 + below(chance, 512))
    for (let index = at; index < end; index++) data[index] = below(chance, 256)
    return data
  },
  hole(data, chance) {
    const at = place(data, chance)
    return data.fill(0, at, Math.min(data.length, at + below(chance, 65_536)))
  },
  // Counts and sizes are 32-bit in most containers: none, one, very many, less than none.
  count(data, chance) {
    const values = [0, 1, 0x7f_ff_ff_ff, 0x80_00_00_00, 0xff_ff_ff_ff, data.length]
    const at = Math.max(0, Math.min(place(data, chance), data.length - 4))
    if (data.length >= 4) data.writeUInt32BE(values[below(chance, values.length)]!, at)
    return data
  },
  twice(data, chance) {
    const at = place(data, chance)
    const end = Math.min(data.length, at + 1 + below(chance, 65_536))
    return Buffer.concat([data.subarray(0, end), data.subarray(at)])
  },
  splice(data, chance, other) {
    const at = place(data, chance)
    const from = below(chance, other.length)
    const length = 1 + below(chance, 65_536)
    return Buffer.concat([data.subarray(0, at), other.subarray(from, from + length), data.subarray(at)])
  },
  // A head of one format on the body of another.
  graft: (data, chance, other) =>
    Buffer.concat([data.subarray(0, below(chance, Math.min(data.length, 65_536))), other]),
}
const names = Object.keys(mutations)

/** One to three mutations of `data`, which stays as it is; `other` lends what is spliced in. Never empty. */
export function mutate(data: Buffer, other: Buffer, chance: Chance): Mutated {
  const how: string[] = []
  let mutated = Buffer.from(data)
  for (let times = 1 + below(chance, 3); times > 0; times--) {
    const name = names[below(chance, names.length)]!
    const next = mutations[name]!(mutated, chance, other)
    if (next.length === 0) continue
    mutated = Buffer.from(next)
    how.push(name)
  }
  return { data: mutated, how: how.join(', ') }
}
