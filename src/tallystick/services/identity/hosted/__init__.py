"""The first step of a visit to the hosted pages: an account with a password opens, or a mailed code stands for one."""
