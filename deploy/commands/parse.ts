import { parseArgs } from 'node:util'
import { CommandError } from './errors.ts'
import { type CommandName, type CommandSpec, commands, flagsOf } from './table.ts'

/** What a command line asks for. */
export type Parsed =
  | { readonly kind: 'help'; readonly command: CommandName | undefined; readonly group: string | undefined }
  | { readonly kind: 'run'; readonly command: CommandName; readonly input: Input }

/** The values of a command line, as they were given. */
export interface Input {
  readonly args: readonly string[]
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
}

/** Reads a command line, without node and the program's own name. Throws CommandError('usage'). Pure. */
export function parseCommandLine(argv: readonly string[]): Parsed {
  const words = argv.filter((word) => !word.startsWith('-'))
  const [first, second] = words
  if (first === undefined || first === 'help') return helpFor(argv, words.slice(first === 'help' ? 1 : 0))
  const name = [`${first} ${second}`, first].find((each) => Object.hasOwn(commands, each))
  if (name === undefined) {
    const group = isGroup(first) ? first : undefined
    if (group && second === undefined && argv.includes('--help')) return help(undefined, group)
    throw unknownCommand(first, second)
  }
  // A flag's value may look like the command's second word; where the name ends is where its words do.
  const at = argv.indexOf(first)
  const rest = argv.toSpliced(at, name.split(' ').length)
  if (name.includes(' ') && argv[at + 1] !== second) throw unknownCommand(first, argv[at + 1])
  return parseFlags(name as CommandName, rest)
}

function parseFlags(command: CommandName, rest: readonly string[]): Parsed {
  const spec: CommandSpec = commands[command]
  const options = Object.fromEntries(
    Object.entries(flagsOf(command)).map(([name, { value }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const) },
    ]),
  )
  const { values, positionals } = strictly(command, () =>
    parseArgs({ args: [...rest], options, strict: true, allowPositionals: true }),
  )
  if (values.help) return help(command)
  // A shell variable that is not set: left out it would select more than was meant.
  const empty = Object.keys(values).find((name) => values[name] === '')
  if (empty !== undefined) throw usage(command, `--${empty} is empty`)
  const names = spec.args.map(({ name }) => name)
  if (positionals.length < names.length) throw usage(command, `${names[positionals.length]} is missing`)
  if (positionals.length > names.length)
    throw usage(command, `"${positionals[names.length]}" is one word too many`)
  return { kind: 'run', command, input: { args: positionals, flags: values } }
}

/** parseArgs' own words name the flag; what it adds about `--` is of no use here. */
function strictly<T>(command: CommandName, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split(
      /\. To specify|\.\s/,
    )
    throw usage(command, sentence.replaceAll("'", '"'))
  }
}

function helpFor(argv: readonly string[], words: readonly string[]): Parsed {
  const known = argv.every((word) => ['--help', '-h', 'help'].includes(word) || words.includes(word))
  if (!known) throw new CommandError('usage', `unknown flag ${argv.find((word) => word.startsWith('-'))}`)
  const name = words.join(' ')
  if (name === '') return help(undefined)
  if (Object.hasOwn(commands, name)) return help(name as CommandName)
  if (isGroup(name)) return help(undefined, name)
  throw unknownCommand(words[0]!, words[1])
}

function help(command: CommandName | undefined, group?: string): Parsed {
  return { kind: 'help', command, group }
}

/** The first word of several commands: `job`, `dlq`. */
function isGroup(word: string): boolean {
  return Object.keys(commands).some((name) => name.startsWith(`${word} `))
}

function unknownCommand(first: string, second: string | undefined): CommandError {
  const inside = Object.keys(commands).filter((name) => name.startsWith(`${first} `))
  if (inside.length > 0) {
    const what =
      second === undefined ? `"${first}" needs one more word` : `unknown command "${first} ${second}"`
    return new CommandError('usage', `${what}: ${inside.join(', ')}`)
  }
  return new CommandError('usage', `unknown command "${first}": see video-worker --help`)
}

export function usage(command: CommandName, problem: string): CommandError {
  return new CommandError('usage', `${command}: ${problem} (video-worker ${command} --help)`)
}
