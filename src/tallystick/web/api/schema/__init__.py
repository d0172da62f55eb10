"""The interface described for programs: XML Schema and WSDL, written from the table of actions."""
