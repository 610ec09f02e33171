/** What is said of the images is asked of them: each line of the proof, with what was seen. */
import { sleep } from '../../shared/time.ts'

export interface Row {
  readonly what: string
  readonly seen: string
  readonly good: boolean
}

export interface Proof {
  readonly rows: Row[]
  /** Writes a line down and shows it. */
  note(what: string, good: boolean, seen: string): void
}

export function startProof(print: (line: string) => void): Proof {
  const rows: Row[] = []
  return {
    rows,
    note(what, good, seen) {
      rows.push({ what, good, seen })
      print(`  ${good ? 'ok  ' : 'FAIL'} ${what}: ${seen}`)
    },
  }
}

/** Asks until the answer is good or the time is over; resolves with the last answer. */
export async function until<T>(
  ask: () => Promise<T>,
  good: (answer: T) => boolean,
  { seconds, everyMs = 500, signal }: { seconds: number; everyMs?: number; signal: AbortSignal },
): Promise<T> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (good(answer) || performance.now() > end) return answer
    await sleep(everyMs, { signal })
  }
}

export function table(rows: readonly Row[]): string {
  const lines = rows.map(({ what, seen, good }) => `| ${what} | ${good ? seen : `**failed**: ${seen}`} |`)
  return ['| asked | seen |', '| --- | --- |', ...lines].join('\n')
}
