import { say } from './toasts'

/** The same act on the command line. */
export function CopyCommand({ command, label = 'Copy command' }: { command: string; label?: string }) {
  return (
    <button
      type="button"
      className="act plain copy"
      title={command}
      onClick={() => void navigator.clipboard.writeText(command).then(() => say(`Copied: ${command}`))}
    >
      {label}
    </button>
  )
}

/** A word as a shell takes it. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
