import { type ReactNode, useState } from 'react'

/** The name of what is lost for good, typed; `word` is what has to be typed, nothing where nobody loses anything. */
export function useTyped(word: string | null): { readonly ready: boolean; readonly field: ReactNode } {
  const [typed, setTyped] = useState('')
  if (word === null) return { ready: true, field: null }
  return {
    ready: typed === word,
    field: (
      <label className="field">
        <span className="label">
          Type <b>{word}</b> to go on
        </span>
        <input value={typed} autoComplete="off" onChange={(event) => setTyped(event.target.value)} />
      </label>
    ),
  }
}
