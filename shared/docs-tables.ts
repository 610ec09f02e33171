import { writeFileSync } from 'node:fs'
import { type ErrorCode, type ErrorKind, errorCodes } from './errors.ts'
import { markdownTable } from './markdown.ts'
import { metricPrefix, metricTable } from './metric-table.ts'

/**
 * The pages of docs/ that are tables of the code: `node shared/docs-tables.ts` writes them again, and tests hold
 * them equal.
 */
export const pages: Readonly<Record<string, () => string>> = {
  'errors.md': errorsPage,
  'metrics.md': metricsPage,
}

const kinds: Readonly<Record<ErrorKind, string>> = {
  rejected:
    'The end of the job: reported to the API as `fail` with the code and the sentence, never retried.',
  failed: 'Ours or the world’s fault: retried after a wait; after the last attempt reported as `fail`.',
  released: 'Something the fleet needs is away, or the worker stops: back to the queue, no attempt spent.',
  cancelled: 'Not wanted any more: the job is settled and its own output removed.',
  lost: 'Somebody else owns the job: nothing is touched.',
}

function errorsPage(): string {
  const sections = (Object.keys(kinds) as ErrorKind[]).map((kind) => {
    const codes = (Object.keys(errorCodes) as ErrorCode[]).filter((code) => errorCodes[code].kind === kind)
    const rows = codes.map((code) => [`\`${code}\``, errorCodes[code].meaning])
    return `## ${kind}\n\n${kinds[kind]}\n\n${markdownTable(['Code', 'Meaning'], rows)}`
  })
  return `# Error codes

Every error has a code, the code has a kind, and the kind decides what becomes of the job. The codes of kind
*rejected* are what the API gets in the \`code\` of a \`fail\` call. Made from shared/errors.ts by
\`node shared/docs-tables.ts\`.

${sections.join('\n\n')}
`
}

function metricsPage(): string {
  const rows = metricTable.map(({ name, type, unit, labels, help }) => [
    `\`${metricPrefix}${name}\``,
    type,
    unit,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  return `# Metrics

What \`/metrics\` shows, beside the usual \`process_*\` and \`nodejs_*\` of the process. Made from
shared/metric-table.ts by \`node shared/docs-tables.ts\`.

${markdownTable(['Metric', 'Type', 'Unit', 'Labels', 'Meaning'], rows)}
`
}

if (import.meta.main) {
  for (const [name, page] of Object.entries(pages)) {
    writeFileSync(new URL(`../docs/${name}`, import.meta.url), page())
  }
}
