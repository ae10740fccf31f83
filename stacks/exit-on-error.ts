/**
 * Runs a command's main function. What a user can mend ends it with its message alone and exit code 1;
 * a fault in the program itself is shown with its stack trace.
 */
export async function exitOnError(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const fault = !(error instanceof Error) || error instanceof TypeError || error instanceof ReferenceError;
    console.error(fault ? error : error.message);
    process.exitCode = 1;
  }
}
