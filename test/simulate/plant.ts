/** Puts a planted bug into the text of a module or a script while it is loaded. */
import type { Mutation } from './mutations.ts'

/** The text of a file with the mutation's change, if it is in this file. Throws when its place is not there once. */
export function mutate(mutation: Mutation | undefined, file: string, text: string): string {
  if (mutation?.file !== file) return text
  if (text.split(mutation.from).length !== 2)
    throw new Error(`mutation ${mutation.name}: its text is not once in ${file}`)
  return text.replace(mutation.from, () => mutation.to)
}

/** A script of shared/lua with its prelude. */
export function mutatedScript(name: string, source: string, mutation: Mutation | undefined): string {
  const file = mutation?.file === 'shared/lua/prelude.lua' ? mutation.file : `shared/lua/${name}.lua`
  return mutate(mutation, file, source)
}
