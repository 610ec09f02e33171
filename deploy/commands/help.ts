import { alignRows, wrapText } from './format.ts'
import { type CommandName, type CommandSpec, commands, flagsOf } from './table.ts'

const width = 100

/** The text of `--help`: of one command, of a group (`dlq`), or of all. Pure. */
export function helpText(command: CommandName | undefined, group?: string): string {
  return command === undefined ? overview(group) : commandHelp(command)
}

/** `video-worker dlq show ID [flags]`. */
export function usageLine(command: CommandName): string {
  const spec: CommandSpec = commands[command]
  return ['video-worker', command, ...spec.args.map(({ name }) => name), '[flags]'].join(' ')
}

function overview(group: string | undefined): string {
  const names = (Object.keys(commands) as CommandName[]).filter(
    (name) => group === undefined || name.startsWith(`${group} `),
  )
  const rows = names.map((name) => {
    const args = (commands[name] as CommandSpec).args.map((arg) => arg.name)
    return [`  ${[name, ...args].join(' ')}`, commands[name].summary]
  })
  return [
    'video-worker COMMAND [flags]: looks after a fleet of video workers',
    '',
    ...alignRows(rows),
    '',
    ...wrapText(
      'Flags: video-worker COMMAND --help. Every command takes --json. The environment is the worker’s own ' +
        '(npm run config), of which each command reads what it needs. Exit codes: docs/commands.md.',
      width,
    ),
  ].join('\n')
}

function commandHelp(command: CommandName): string {
  const spec: CommandSpec = commands[command]
  const named = (words: string) => words.replaceAll('`', '')
  const args = spec.args.map(({ name, doc }) => [`  ${name}`, named(doc)])
  const flags = Object.entries(flagsOf(command)).map(([name, { value, doc }]) => [
    `  --${name}${value ? ` ${value}` : ''}`,
    named(doc),
  ])
  return [
    `${usageLine(command)}: ${spec.summary}`,
    '',
    ...alignRows([...args, ...flags]),
    ...(spec.notes ? ['', ...wrapText(named(spec.notes), width)] : []),
  ].join('\n')
}
