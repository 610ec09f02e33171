import { writeFileSync } from 'node:fs'
import { schema } from '../../shared/config-schema.ts'
import { leavesOf } from '../../shared/config-variable.ts'
import { markdownTable } from '../../shared/markdown.ts'
import { exitCodes } from './errors.ts'
import { usageLine } from './help.ts'
import { type CommandName, type CommandSpec, commands, flagsOf } from './table.ts'

/** docs/commands.md, made from the table: `node deploy/commands/docs.ts` writes it again, and a test holds it equal. */
export function commandsPage(): string {
  const names = Object.keys(commands) as CommandName[]
  const list = names.map((name) => [`[\`${name}\`](#${name.replace(' ', '-')})`, commands[name].summary])
  const exits = Object.values(exitCodes).map(({ exit, meaning }) => [String(exit), meaning])
  return `# The operators’ commands

\`npx video-worker COMMAND [flags]\` in the project’s folder, or \`node deploy/setup/video-worker.mjs COMMAND\` from anywhere.
Made from deploy/commands/table.ts by \`node deploy/commands/docs.ts\`.

${markdownTable(['Command', 'What it does'], list)}

The environment is the worker’s own ([README](../README.md#configuration)); each command checks the variables that it
reads and no others. Results go to standard output, everything else to standard error; with \`--json\` the result is
one JSON document, and an error is \`{"error": {"code", "message"}}\`. Nothing is coloured, and no secret is printed.
What cannot be undone asks first; where nobody can be asked (no terminal) it needs \`--yes\`, else it ends with 77.

${markdownTable(['Exit code', 'Meaning'], exits)}

${names.map(commandSection).join('\n\n')}
`
}

function commandSection(name: CommandName): string {
  const spec: CommandSpec = commands[name]
  const args = spec.args.map((arg) => [`\`${arg.name}\``, arg.doc])
  const flags = Object.entries(flagsOf(name)).map(([flag, { value, doc }]) => [
    `\`--${flag}${value ? ` ${value}` : ''}\``,
    doc,
  ])
  const needs = variablesOf(spec).map((variable) => `\`${variable}\``)
  return [
    `## ${name}`,
    `\`${usageLine(name)}\`: ${spec.summary}.`,
    ...(spec.notes ? [spec.notes] : []),
    markdownTable(['Argument or flag', 'Meaning'], [...args, ...flags]),
    `Needs ${needs.length === 0 ? 'no variable' : needs.join(', ')}.`,
  ].join('\n\n')
}

/** The required variables of the parts that a command reads. */
function variablesOf({ needs }: CommandSpec): string[] {
  return leavesOf(schema)
    .filter(
      ({ path, variable }) =>
        variable.default === null && needs.some((need) => path === need || path.startsWith(`${need}.`)),
    )
    .map(({ variable }) => variable.env)
}

if (import.meta.main) writeFileSync(new URL('../../docs/commands.md', import.meta.url), commandsPage())
