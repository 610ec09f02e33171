import type { FormatName, Limits } from './config-formats.ts'

/** One environment variable: how it is read, checked, shown and documented. */
export interface Variable extends Limits {
  env: string
  doc: string
  format: FormatName | readonly string[]
  default: string | number | boolean | null
  sensitive?: boolean
  /** Config holds the environment's number times this. */
  scale?: number
  /** What the table shows as the default where that depends on the machine or on another variable. */
  shown?: string
}

export interface Tree {
  [name: string]: Tree | Variable
}

type Extra = Pick<Variable, 'default'> & Partial<Variable>

export const required = { default: null } as const
export const secret = { default: null, format: 'secret', sensitive: true } as const
export const text = (env: string, doc: string, extra: Extra) => ({
  format: 'text' as const,
  env,
  doc,
  ...extra,
})
export const address = (env: string, doc: string, extra: Extra) =>
  text(env, doc, { format: 'address', ...extra })
export const flag = (env: string, doc: string) => text(env, doc, { format: 'flag', default: false })
export const whole = (env: string, value: number, min: number, max: number, doc: string) =>
  text(env, doc, { format: 'whole', default: value, min, max })
export const decimal = (env: string, value: number, min: number, max: number, doc: string) =>
  text(env, doc, { format: 'decimal', default: value, min, max })

/** Every variable with its dotted path in Config, in the order of the table. */
export function leavesOf(tree: unknown, at = ''): { path: string; variable: Variable }[] {
  return Object.entries(tree as Tree).flatMap(([name, node]) => {
    const path = at === '' ? name : `${at}.${name}`
    return isVariable(node) ? [{ path, variable: node }] : leavesOf(node, path)
  })
}

function isVariable(node: Tree | Variable): node is Variable {
  return typeof node.env === 'string'
}
