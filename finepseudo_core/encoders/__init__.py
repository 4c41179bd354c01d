"""The two encoders: f_E sees what happens, f_A sees every phase of it."""
