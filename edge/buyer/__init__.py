"""What the buyer sees, and until when. Pure but for the stage, which carries it out."""
