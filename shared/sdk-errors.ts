/**
 * What a failure of an AWS SDK is called: its own name. Without an answer it is an Error of Node, which only its code tells
 * from any other: ECONNREFUSED, ENOTFOUND.
 */
export function failureName({ name, code }: { readonly name?: string; readonly code?: string }): string {
  const isNodes = name === 'Error' || name === 'AggregateError'
  return (isNodes ? (code ?? name) : (name ?? code)) ?? 'unknown'
}
