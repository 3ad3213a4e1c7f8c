import { sayTrouble } from './toasts'

/** Have the browser keep a file; what goes wrong on the way to it is told. */
export async function keepFile(name: string, content: () => Promise<Blob>): Promise<void> {
  try {
    const address = URL.createObjectURL(await content())
    const link = document.createElement('a')
    link.href = address
    link.download = name
    link.click()
    URL.revokeObjectURL(address)
  } catch (error) {
    sayTrouble(error)
  }
}
