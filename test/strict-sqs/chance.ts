/**
 * What SQS may do and mostly does not. Each has its place in the documents; how often is not said, so that the test
 * says it. Where sources differ about what SQS does, a `Leeway` takes the answer from the test, or from chance.
 */
export interface Chances {
  /** A received message has a copy that another receive gets as well: at-least-once delivery. */
  duplicate: number
  /** A receive takes its messages and answers that there are none (avoiding inconsistent message processing). */
  lostReceive: number
  /** A deleted message comes back, from a server that was away at the delete (DeleteMessage). */
  undelete: number
  /** The message is not the oldest one: ordering is best-effort. */
  disorder: number
  /** A short poll asks servers that do not have the message (short polling). */
  missed: number
  /** A client that leaves its long poll is not noticed: what the poll then receives, nobody gets. */
  unnoticed: number
}

export interface Leeway {
  /** A delete by a handle that is not the newest: the API reference keeps the message; emulators delete it. */
  readonly staleDelete: 'kept' | 'deleted' | 'either'
  /**
   * A change by a handle that is not the newest. `obeyed` moves the visibility of the newer receive, as moto found
   * AWS to do (pull request 4655); not documented.
   */
  readonly staleChange: 'refused' | 'obeyed' | 'either'
  /**
   * A change after the visibility has ended, before anybody received again: the API reference has an error for it,
   * MessageNotInflight, that moto could not get out of AWS; LocalStack's test of it, validated there, succeeds.
   */
  readonly lateChange: 'obeyed' | 'refused' | 'ignored' | 'either'
}

export const noChances: Readonly<Chances> = {
  duplicate: 0,
  lostReceive: 0,
  undelete: 0,
  disorder: 0,
  missed: 0,
  unnoticed: 0,
}

export const usualLeeway: Leeway = { staleDelete: 'kept', staleChange: 'refused', lateChange: 'obeyed' }

type Answer<What extends keyof Leeway> = Exclude<Leeway[What], 'either'>
const answers: { readonly [What in keyof Leeway]: readonly Answer<What>[] } = {
  staleDelete: ['kept', 'deleted'],
  staleChange: ['refused', 'obeyed'],
  lateChange: ['obeyed', 'refused', 'ignored'],
}

/** Decides by seed; a test may also demand that the next so many occasions are taken. */
export class Dice {
  /** Each from 0 to 1; may be changed at any time. */
  readonly chances: Chances
  /** As the chances: may be changed at any time. */
  leeway: Leeway
  readonly random: () => number
  readonly #demanded = new Map<keyof Chances, number>()

  /** `random`: numbers from 0 to 1, the same for the same seed. */
  constructor(random: () => number, chances: Partial<Chances> = {}, leeway: Partial<Leeway> = {}) {
    this.random = random
    this.chances = { ...noChances, ...chances }
    this.leeway = { ...usualLeeway, ...leeway }
  }

  /** The next `times` occasions are taken, whatever their chance. */
  demand(what: keyof Chances, times = 1): void {
    this.#demanded.set(what, (this.#demanded.get(what) ?? 0) + times)
  }

  /** From now on nothing happens that need not. */
  calm(): void {
    this.#demanded.clear()
    Object.assign(this.chances, noChances)
    this.leeway = usualLeeway
  }

  falls(what: keyof Chances): boolean {
    const demanded = this.#demanded.get(what) ?? 0
    if (demanded > 0) this.#demanded.set(what, demanded - 1)
    return demanded > 0 || (this.chances[what] > 0 && this.random() < this.chances[what])
  }

  answer<What extends keyof Leeway>(what: What): Answer<What> {
    const told = this.leeway[what]
    return told === 'either' ? this.oneOf<Answer<What>>(answers[what]) : (told as Answer<What>)
  }

  oneOf<T>(all: readonly T[]): T {
    return all[Math.floor(this.random() * all.length)]!
  }
}
