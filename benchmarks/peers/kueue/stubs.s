// Empty: its presence lets the compiler accept the two functions without a body in engine.go.
