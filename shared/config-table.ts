import { schema } from './config-schema.ts'
import { leavesOf, type Variable } from './config-variable.ts'
import { markdownTable } from './markdown.ts'

/** The README's table of the environment: `npm run config`. Made from the schema alone, no environment needed. */
export function configTable(): string {
  const rows = leavesOf(schema).map(({ variable }) => [
    `\`${variable.env}\``,
    defaultOf(variable),
    variable.doc + range(variable),
  ])
  return markdownTable(['Variable', 'Default', 'Meaning'], rows)
}

function defaultOf(variable: Variable): string {
  if (variable.shown !== undefined) return variable.shown
  if (variable.default === null) return '**required**'
  if (typeof variable.default === 'boolean') return variable.default ? '`1`' : '`0`'
  return variable.default === '' ? '' : `\`${variable.default}\``
}

function range({ format, min, max }: Variable): string {
  if (format !== 'whole' && format !== 'decimal') return ''
  // limits that are only there to catch slips of the keyboard say nothing to a reader
  return max !== undefined && max < 1e9 ? ` (${min} to ${max})` : ''
}

if (import.meta.main) console.log(configTable())
