-- What moved at a rail and belongs to nothing of ours: it is booked as that, and stays so.
ALTER TABLE rail_movement ADD COLUMN is_unassigned boolean NOT NULL DEFAULT false;
