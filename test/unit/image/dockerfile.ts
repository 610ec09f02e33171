/** The Dockerfile and .dockerignore as data, for the tests that hold their rules. */
import { readFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { root } from '../house/sources.ts'

export interface Instruction {
  /** FROM, COPY, … */
  readonly name: string
  /** Flags and arguments, continuation lines joined. */
  readonly rest: string
}

export interface Stage {
  readonly name: string
  /** As written behind FROM. */
  readonly from: string
  readonly instructions: readonly Instruction[]
}

/** Comments are left out; what stands before the first FROM is the stage ''. */
export function readStages(): Stage[] {
  const text = readFileSync(join(root, 'Dockerfile'), 'utf8')
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line))
  const whole = lines
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n')
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [
    { name: '', from: '', instructions: [] },
  ]
  for (const line of whole) {
    const [, name = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
    if (name === 'FROM') {
      const [, from = '', as = ''] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? []
      stages.push({ name: as, from, instructions: [] })
    } else stages.at(-1)!.instructions.push({ name, rest })
  }
  return stages
}

/** A stage's own instructions of that name, before them those of the stages that it is built on. */
export function inherited(stages: readonly Stage[], stage: Stage, name: string): string[] {
  const below = stages.find((each) => each.name === stage.from)
  const own = stage.instructions.filter((each) => each.name === name).map((each) => each.rest)
  return [...(below ? inherited(stages, below, name) : []), ...own]
}

/** What goes to the builder: the last rule that a path, or a folder above it, matches decides. */
export function isSent(path: string): boolean {
  const rules = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const parts = path.split('/')
  const above = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
  return rules.reduce((sent, rule) => {
    const pattern = rule.replace(/^!/, '')
    return above.some((each) => matchesGlob(each, pattern)) ? rule.startsWith('!') : sent
  }, true)
}
