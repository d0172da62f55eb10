"""The hosted pages without their pages: what is asked for, by whom, who may agree, and what agreeing makes."""
