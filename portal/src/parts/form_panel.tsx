import type { ReactNode } from 'react'

/** A panel to be filled in; Enter sends it, and the page stays. */
export function FormPanel({ title, send, acts, children }: { title: string; send: () => Promise<void>; acts?: ReactNode; children: ReactNode }) {
  return (
    <form
      className="panel"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <header>
        <h2>{title}</h2>
        {acts}
      </header>
      <div className="body form">{children}</div>
    </form>
  )
}
